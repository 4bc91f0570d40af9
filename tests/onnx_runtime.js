// onnx_runtime.js FOLDER: runs the models that write_models wrote with onnxruntime and
// holds its logits against ours: within 1e-4, of the value where that is above 1.
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

function floats(file) {
  const bytes = fs.readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

async function check(folder, line) {
  const [name, ...rest] = line.split(' ');
  const [n, rank, c, h, w] = rest.map(Number);
  const file = (suffix) => path.join(folder, name + '.' + suffix);
  const session = await ort.InferenceSession.create(file('onnx'), {
    intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3,
  });
  const dims = rank === 4 ? [n, c, h, w] : [n, c];
  const input = new ort.Tensor('float32', floats(file('images')), dims);
  const {logits} = await session.run({input});
  const expected = floats(file('logits'));
  if (logits.data.length !== expected.length) {
    throw new Error(`${logits.data.length} logits instead of ${expected.length}`);
  }
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(logits.data[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
    worst = Math.max(worst, error); // a NaN stays
  }
  if (!(worst <= 1e-4)) {
    throw new Error(`logits differ by ${worst}`);
  }
}

async function main() {
  const folder = process.argv[2];
  const lines = fs.readFileSync(path.join(folder, 'list'), 'utf8').trim().split('\n');
  console.log(`1..${lines.length}`);
  for (const [i, line] of lines.entries()) {
    const name = line.split(' ')[0];
    try {
      await check(folder, line);
      console.log(`ok ${i + 1} - onnxruntime gives the logits of ${name}`);
    } catch (error) {
      console.log(`not ok ${i + 1} - onnxruntime gives the logits of ${name}`);
      console.log(`# ${String(error.message).split('\n').join(' ')}`);
    }
  }
}

main().catch((error) => {
  console.log(`Bail out! ${error.message}`);
  process.exit(1);
});
