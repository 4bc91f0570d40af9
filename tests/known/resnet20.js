// resnet20.js MODELS: the classes that onnxruntime (npm package onnxruntime-node 1.16.3)
// gives to the first 1000 images of CIFAR-10's test batch, for resnet20.inc.  MODELS is
// the folder with models/resnet20-cifar10.onnx and data/cifar10-test-1000.bin.
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const PIXELS = 3072;

async function main(folder) {
  const records = fs.readFileSync(path.join(folder, 'data/cifar10-test-1000.bin'));
  const model = path.join(folder, 'models/resnet20-cifar10.onnx');
  const session = await ort.InferenceSession.create(model, {logSeverityLevel: 3});
  let classes = '';
  for (let at = 0; at < records.length; at += PIXELS + 1) {
    const image = Float32Array.from(records.subarray(at + 1, at + 1 + PIXELS));
    const tensor = new ort.Tensor('float32', image, [1, 3, 32, 32]);
    const results = await session.run({[session.inputNames[0]]: tensor});
    const logits = Array.from(Object.values(results)[0].data);
    classes += logits.indexOf(Math.max(...logits));
  }
  console.log('/* Made by resnet20.js with onnxruntime 1.16.3: an image a digit. */');
  for (let i = 0; i < classes.length; i += 80) {
    console.log(`"${classes.slice(i, i + 80)}"`);
  }
}

main(process.argv[2]);
