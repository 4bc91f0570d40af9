"""onnx_checker.py FOLDER: the models that write_models wrote, through the checker and
the strict shape inference of the ONNX project."""
import os
import sys

import onnx
import onnx.checker
import onnx.shape_inference

folder = sys.argv[1]
with open(os.path.join(folder, "list")) as lines:
    names = [line.split()[0] for line in lines]
print(f"1..{len(names)}")
for number, name in enumerate(names, 1):
    try:
        model = onnx.load(os.path.join(folder, name + ".onnx"))
        onnx.checker.check_model(model, full_check=True)
        inferred = onnx.shape_inference.infer_shapes(
            model, check_type=True, strict_mode=True, data_prop=True)
        sizes = [[d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim]
                 for v in (model.graph.output[0], inferred.graph.output[0])]
        assert sizes[0] == sizes[1], f"output {sizes[0]}, inferred {sizes[1]}"
        print(f"ok {number} - onnx.checker accepts {name}")
    except Exception as error:  # whatever it raises is a finding
        print(f"not ok {number} - onnx.checker accepts {name}")
        print("# " + str(error).replace("\n", " ")[:500])
