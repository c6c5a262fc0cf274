// Makes dist/: the page, onnxruntime-web and the released models, with what each says about its input.
import { build } from "esbuild";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";

const here = new URL("./", import.meta.url);
const dist = new URL("dist/", here);
const released = new URL("../pretrained/", here);
const runtime = new URL("node_modules/onnxruntime-web/dist/", here);
const KEY = Buffer.from("modnet_contract");

// An ONNX file ends with its metadata: field 1 is the key, field 2 (tag 0x12, length, text) the value.
function contractOf(file) {
  let at = file.lastIndexOf(KEY) + KEY.length;
  if (at < KEY.length || file[at++] !== 0x12) throw new Error("no contract inside");
  let length = 0;
  for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) length |= ((byte = file[at++]) & 0x7f) << shift;
  return JSON.parse(file.toString("utf8", at, at + length));
}

async function copyModels() {
  const { models } = JSON.parse(await readFile(new URL("releases.json", released), "utf8"));
  const found = [];
  for (const { name, files, scores, what } of models) {
    const [{ name: file, bytes }] = files;
    if (!file.endsWith(".onnx")) continue;
    const contract = contractOf(await readFile(new URL(file, released)));
    if (Array.isArray(contract.preprocess.ref_size)) continue; // one fixed size, resampled in another way
    await cp(new URL(file, released), new URL(`models/${file}`, dist));
    found.push({ name, what, file: `models/${file}`, bytes, scores, int8: contract.quantization.dtype === "int8", ...contract.preprocess });
  }
  found.sort((a, b) => a.bytes - b.bytes); // the smallest is loaded first
  await writeFile(new URL("models.json", dist), JSON.stringify(found, null, 1));
}

await rm(dist, { recursive: true, force: true });
await mkdir(new URL("models/", dist), { recursive: true });
await cp(new URL("static/", here), dist, { recursive: true });
for (const name of ["", ".asyncify"]) {
  for (const kind of ["mjs", "wasm"]) {
    const file = `ort-wasm-simd-threaded${name}.${kind}`;
    await cp(new URL(file, runtime), new URL(`ort/${file}`, dist));
  }
}
await copyModels();
await build({
  absWorkingDir: here.pathname, entryPoints: ["src/app.js", "src/worker.js"], outdir: "dist", bundle: true, minify: true,
  splitting: true, format: "esm", target: "es2022", legalComments: "linked", logLevel: "warning",
});
