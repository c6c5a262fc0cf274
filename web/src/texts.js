export const TEXTS = {
  en: {
    title: "Portrait cut-out", lead: "Drop a photograph. It stays on your computer.",
    leadServer: "Drop a photograph. It goes to this page's own server.", drop: "Drop a photograph here", or: "or",
    open: "Open photo", camera: "Camera", stop: "Stop camera", download: "Download",
    background: "Background", none: "Transparent", color: "Colour", picture: "Picture", blur: "Blur",
    pickColor: "Background colour", model: "Model", where: "Computed", here: "In this browser", server: "On the server",
    compare: "Before and after", before: "Before", after: "After", loading: "Loading the model", working: "Cutting out…", ready: "Ready",
    done: "Done in {0} ms", fps: "{0} frames/s", broken: "This file is no image that the browser can read. Choose a JPEG, PNG or WebP file.",
    large: "This image has more than 50 megapixels. Make it smaller first.", narrow: "This image is too narrow. Crop it first.",
    noCamera: "The camera cannot be opened. Allow it in the browser's settings.", failed: "That did not work: {0}",
    result: "The photograph with its new background", other: "中文",
  },
  zh: {
    title: "人像抠图", lead: "拖入一张照片。照片不会离开您的电脑。", leadServer: "拖入一张照片。照片将发送到本页面所在的服务器。",
    drop: "把照片拖到这里", or: "或者", open: "打开照片", camera: "摄像头", stop: "关闭摄像头", download: "下载",
    background: "背景", none: "透明", color: "颜色", picture: "图片", blur: "虚化", pickColor: "背景颜色", model: "模型",
    where: "计算位置", here: "本浏览器", server: "服务器", compare: "前后对比", before: "处理前", after: "处理后",
    loading: "正在加载模型", working: "正在抠图…", ready: "就绪", done: "完成，用时 {0} 毫秒", fps: "每秒 {0} 帧",
    broken: "浏览器无法读取此文件。请选择 JPEG、PNG 或 WebP 图片。", large: "图片超过 5000 万像素，请先缩小。", narrow: "图片过于狭长，请先裁剪。",
    noCamera: "无法打开摄像头。请在浏览器设置中允许使用。", failed: "出错了：{0}", result: "换了背景的照片", other: "English",
  },
};
