// onnx_classes.js FOLDER IMAGES CLASSES.inc RUN_MODEL SCRATCH: the models of ResNet-20 in
// FOLDER (see test_resnet20.c) give in onnxruntime the classes that CLASSES.inc holds
// for the CIFAR-10 records in IMAGES, and on the first of them the logits that we give.
'use strict';
const child = require('child_process');
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const MODELS = ['resnet20-cifar10', 'resnet20-cifar10-bn'];
const IMAGE_SIZE = 3 * 32 * 32;
const RECORD_SIZE = 1 + IMAGE_SIZE; // the label first
const N_CLASSES = 10;
const N_COMPARED = 20; // images whose logits are held against ours

function argmax(values) {
  return values.reduce((best, value, i) => value > values[best] ? i : best, 0);
}

// The logits of each record; the models take one image at a time.
async function run(session, records) {
  const logits = [];
  for (let at = 0; at < records.length; at += RECORD_SIZE) {
    const pixels = Float32Array.from(records.subarray(at + 1, at + RECORD_SIZE));
    const input = new ort.Tensor('float32', pixels, [1, 3, 32, 32]);
    const outputs = await session.run({[session.inputNames[0]]: input});
    logits.push(Array.from(outputs[session.outputNames[0]].data));
  }
  return logits;
}

// Ours of the first images.
function runOurs(program, model, records, scratch) {
  const pixels = new Float32Array(N_COMPARED * IMAGE_SIZE);
  for (let i = 0; i < N_COMPARED; i++) {
    pixels.set(records.subarray(i * RECORD_SIZE + 1, (i + 1) * RECORD_SIZE), i * IMAGE_SIZE);
  }
  const [input, output, written] = ['images', 'logits', 'written.onnx'].map(
      (name) => path.join(scratch, name));
  fs.writeFileSync(input, Buffer.from(pixels.buffer));
  child.execFileSync(program, [model, input, output, written]);
  const bytes = fs.readFileSync(output);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

// The largest difference, of the value where that is above 1.
function compare(ours, theirs) {
  const errors = theirs.map(
      (value, i) => Math.abs(ours[i] - value) / Math.max(1, Math.abs(value)));
  return ours.length === theirs.length ? Math.max(...errors) : NaN; // a NaN stays
}

let n = 0;

function report(isRight, sentence, detail) {
  console.log(`${isRight ? 'ok' : 'not ok'} ${++n} - ${sentence}`);
  if (!isRight) {
    console.log(`# ${detail}`.split('\n').join(' '));
  }
}

async function check(name, records, expected, program, folder, scratch) {
  const model = path.join(folder, name + '.onnx');
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3,
  });
  const logits = await run(session, records);
  const classes = logits.map(argmax).join('');
  report(classes === expected, `onnxruntime classifies by ${name} as is recorded`, classes);
  try {
    const worst = compare(runOurs(program, model, records, scratch),
        logits.slice(0, N_COMPARED).flat());
    report(worst <= 1e-4, `onnxruntime gives our logits of ${name}`, `they differ by ${worst}`);
  } catch (error) {
    report(false, `onnxruntime gives our logits of ${name}`, error.message + error.stdout);
  }
}

async function main() {
  const [folder, images, classes, program, scratch] = process.argv.slice(2);
  const records = fs.readFileSync(images);
  const expected = fs.readFileSync(classes, 'utf8').match(/"\d+"/g).join('').replace(/"/g, '');
  for (const name of MODELS) {
    await check(name, records, expected, program, folder, scratch);
  }
  console.log(`1..${n}`);
}

main().catch((error) => {
  console.log(`Bail out! ${error.message}`);
  process.exit(1);
});
