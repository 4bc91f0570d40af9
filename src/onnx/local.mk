# protobuf-c's code for the system's onnx.proto, in the build tree, without our flags.
ONNX_PB = %D%/onnx.pb-c.c %D%/onnx.pb-c.h
noinst_LIBRARIES += %D%/libonnxproto.a %D%/libonnxio.a
nodist_%C%_libonnxproto_a_SOURCES = $(ONNX_PB)
%C%_libonnxproto_a_CPPFLAGS = -I$(top_builddir)/src/onnx $(PROTOBUF_C_CFLAGS)
%C%_libonnxproto_a_CFLAGS = -w
%C%_libonnxio_a_SOURCES = \
  %D%/onnx.h %D%/metadata.c \
  %D%/arena.c %D%/arena.h %D%/names.c %D%/names.h %D%/wire.c %D%/wire.h \
  %D%/constant.c %D%/constant.h \
  %D%/source.c %D%/source.h %D%/skeleton.c %D%/skeleton.h \
  %D%/external.c %D%/external.h \
  %D%/fold.c %D%/fold.h %D%/fold_priv.h %D%/fold_make.c %D%/fold_math.c \
  %D%/fold_move.c %D%/fold_number.c %D%/fold_pair.c %D%/fold_reduce.c \
  %D%/fold_shape.c %D%/fold_slice.c %D%/fold_walk.c \
  %D%/read.c %D%/graph.c %D%/graph.h %D%/reader.c %D%/reader.h \
  %D%/attributes.c %D%/values.c %D%/make.c %D%/dims.c %D%/dims.h \
  %D%/view.c %D%/take.c \
  %D%/read_layers.c %D%/read_window.h %D%/read_pools.c %D%/read_elementwise.c \
  %D%/read_activations.c %D%/read_moves.c %D%/read_places.c %D%/read_resize.c \
  %D%/write.c %D%/writer.c %D%/writer.h %D%/param_names.c \
  %D%/write_layers.c %D%/write_pools.c %D%/write_elementwise.c %D%/write_moves.c \
  %D%/operators.c %D%/operators.h
%C%_libonnxio_a_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
%C%_libonnxio_a_LIBADD = $(%C%_libonnxproto_a_OBJECTS)
EXTRA_%C%_libonnxio_a_DEPENDENCIES = $(%C%_libonnxproto_a_OBJECTS)

%D%/onnx.pb-c.c: $(ONNX_PROTO_DIR)/onnx.proto
	$(AM_V_GEN)$(MKDIR_P) %D% && \
	$(PROTOC_C) --proto_path=$(ONNX_PROTO_DIR) --c_out=%D% \
	  $(ONNX_PROTO_DIR)/onnx.proto
%D%/onnx.pb-c.h: %D%/onnx.pb-c.c
	@test -f $@ || { rm -f %D%/onnx.pb-c.c && $(MAKE) %D%/onnx.pb-c.c; }
$(%C%_libonnxio_a_OBJECTS) $(%C%_libonnxproto_a_OBJECTS): %D%/onnx.pb-c.h
BUILT_SOURCES += %D%/onnx.pb-c.h
CLEANFILES += $(ONNX_PB)
