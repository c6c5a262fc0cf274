// The network, beside the page's own thread: onnxruntime-web on WebGPU where there is one, else on WebAssembly.
import { toInput, toMatte } from "./geometry.js";

const home = new URL("./", self.location.href).href;
let ort, session, model;

async function fetchWithProgress(url, bytes, report) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const reader = answer.body.getReader(), parts = [];
  let got = 0;
  for (let part; !(part = await reader.read()).done; ) {
    parts.push(part.value);
    report((got += part.value.length) / bytes);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function open(bytes, provider) {
  ort = provider === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
  ort.env.wasm.wasmPaths = `${home}ort/`;
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 8) : 1;
  ort.env.logLevel = "error";
  return ort.InferenceSession.create(bytes, { executionProviders: [provider] });
}

async function load(wanted, report) {
  const bytes = await fetchWithProgress(home + wanted.file, wanted.bytes, report);
  const gpu = !wanted.int8 && (await navigator.gpu?.requestAdapter().catch(() => null));
  session = undefined;
  let provider = "wasm";
  if (gpu) {
    try {
      session = await open(bytes, (provider = "webgpu"));
    } catch {
      provider = "wasm";
    }
  }
  session ??= await open(bytes, "wasm");
  model = wanted;
  return { provider, threads: ort.env.wasm.numThreads };
}

async function run({ pixels, height, width }) {
  const { data, size } = toInput(pixels, height, width, model);
  const found = await session.run({ [session.inputNames[0]]: new ort.Tensor("float32", data, [1, 3, ...size]) });
  return toMatte(await found[session.outputNames[0]].getData(), size, height, width);
}

let last = Promise.resolve(); // one order at a time
self.onmessage = ({ data: order }) => {
  last = last.then(async () => {
    try {
      const result = order.model
        ? await load(order.model, (progress) => self.postMessage({ id: order.id, progress }))
        : await run(order);
      self.postMessage({ id: order.id, result }, result.buffer ? [result.buffer] : []);
    } catch (error) {
      self.postMessage({ id: order.id, error: String(error.message ?? error) });
    }
  });
};
