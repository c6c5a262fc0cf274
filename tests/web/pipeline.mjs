// Runs an exported folder in transformers.js. Arguments: parent folder, name, image, result.
import { createRequire } from "node:module";

const [models, name, image, target] = process.argv.slice(2);
const { env, pipeline } = createRequire(new URL("../../web/package.json", import.meta.url))("@huggingface/transformers");
env.allowRemoteModels = false;
env.localModelPath = models;
for (const dtype of ["fp32", "q8"]) {
  const cut = await pipeline("background-removal", name, { dtype });
  await (await cut(image)).save(`${target}-${dtype}.png`);
}
