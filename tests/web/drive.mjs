// Uses the page as a person does, in Chromium, and prints what was seen as JSON. Arguments: address, image, folder.
import { createRequire } from "node:module";
import { readFile, writeFile } from "node:fs/promises";

const [address, image, folder] = process.argv.slice(2);
const { chromium } = createRequire(new URL("../../web/package.json", import.meta.url))("playwright-core");
const seen = { requests: [], errors: [] };
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, locale: "en-US" });
  page.setDefaultTimeout(40_000);
  page.on("request", (request) => seen.requests.push(`${request.method()} ${request.url()}`));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  const status = (pattern) => page.waitForFunction((p) => new RegExp(p).test(document.getElementById("status").textContent), pattern);
  const save = async (name) => {
    const [file] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    await file.saveAs(`${folder}/${name}`);
    return file.suggestedFilename();
  };
  const shots = async (name) => {
    for (const [width, height, kind] of [[1280, 860, "desktop"], [390, 844, "phone"]]) {
      await page.setViewportSize({ width, height });
      await page.screenshot({ path: `${folder}/${name}-${kind}.png`, fullPage: true });
      seen[`${name}-${kind}`] = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    }
    await page.setViewportSize({ width: 1280, height: 860 });
  };

  await page.goto(address);
  await status("Ready");
  seen.models = await page.$$eval("#model option", (all) => all.map((one) => one.textContent));
  seen.provider = await page.evaluate(() => document.body.dataset.provider);
  await shots("empty");

  const bytes = [...(await readFile(image))];
  await page.evaluate((content) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(content)], "astronaut.jpg", { type: "image/jpeg" }));
    dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  }, bytes);
  await status("Done");
  seen.download = await save("browser.png");
  await page.focus("input[value=none]");
  await page.keyboard.press("ArrowDown"); // by keyboard to the colour
  await save("color.png");
  await page.check("input[value=blur]");
  await page.$eval("#split", (one) => { one.value = 50; one.dispatchEvent(new Event("input")); });
  await shots("result");

  await writeFile(`${folder}/broken.jpg`, "this is no picture");
  await page.setInputFiles("#file", `${folder}/broken.jpg`);
  await status("no image");
  seen.broken = await page.textContent("#status");
  await page.click("#language");
  seen.chinese = [await page.textContent("h1"), await page.textContent("#download"), await page.getAttribute("html", "lang")];
  await shots("chinese");
  await page.click("#language");

  await page.check("input[value=none]");
  await page.$eval("#split", (one) => { one.value = 0; one.dispatchEvent(new Event("input")); });
  if (await page.isVisible("#where")) {
    seen.alone = seen.requests.filter((one) => one.startsWith("POST")).length;
    await page.selectOption("#where", "server");
    await page.setInputFiles("#file", image);
    await status("Done");
    await save("server.png");
    await page.selectOption("#where", "here");
    await status("Done");
  }
  await page.click("#camera");
  await page.waitForFunction(() => /frames\/s/.test(document.getElementById("rate").textContent));
  await page.waitForTimeout(500);
  seen.rate = await page.textContent("#rate");
  await page.screenshot({ path: `${folder}/camera.png` });
  await page.click("#camera");
  seen.stopped = await page.textContent("#rate");
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
