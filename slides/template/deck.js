// Slides that are too tall go on on a slide below. A cell that is taller than a slide by itself is shrunk to fit.
const WIDTH = 1280;
const HEIGHT = 720;

function cellsOf(section) {
  // A fragment of several cells becomes several cells that appear together.
  let step = 0;
  for (const child of [...section.children]) {
    if (!child.classList.contains("fragment")) continue;
    for (const cell of [...child.children]) {
      if (cell.classList.contains("cell")) {
        cell.classList.add("fragment");
        cell.dataset.fragmentIndex = step;
      }
      section.insertBefore(cell, child);
    }
    child.remove();
    step += 1;
  }
  return [...section.children].filter((child) => child.classList.contains("cell"));
}

function tall(element) {
  const style = getComputedStyle(element);
  return element.offsetHeight + parseFloat(style.marginTop) + parseFloat(style.marginBottom);
}

function split(section) {
  const cells = cellsOf(section);
  const padding = 40;
  const title = section.querySelector("h1, h2, h3");
  let page = section;
  let used = padding;
  let count = 0; // cells on this page
  cells.forEach((cell, i) => {
    const height = tall(cell);
    // Code stays with the first of its outputs, and a heading with what follows it, if there is room on one slide.
    const next = cells[i + 1];
    const together = next && cell.classList.contains("code") && next.classList.contains("output") ? tall(next) : 0;
    const wanted = height + together <= HEIGHT - padding - 40 ? height + together : height;
    if (count > 0 && used + wanted > HEIGHT) {
      const below = document.createElement("section");
      if (title) {
        const head = document.createElement("div");
        head.className = "continued";
        head.textContent = `${title.textContent.replace("¶", "").trim()} …`; // without the link to itself
        below.append(head);
      }
      page.after(below);
      page = below;
      used = padding + 40;
      count = 0;
    }
    if (page !== section) page.append(cell);
    const room = HEIGHT - used;
    if (count === 0 && height > room) {
      const factor = room / height;
      cell.style.zoom = factor.toFixed(3);
      cell.classList.add("shrunk");
    }
    used += Math.min(height, room);
    count += 1;
  });
}

async function start() {
  if (window.MathJax && MathJax.startup) {
    await MathJax.startup.promise;
    await MathJax.typesetPromise();
  }
  // Once the page is loaded every picture has its size. (Not image.decode(): a browser that prints does not wait for it.)
  if (document.readyState !== "complete") await new Promise((done) => addEventListener("load", done));
  const slides = document.querySelector(".reveal .slides");
  slides.style.width = `${WIDTH}px`;
  for (const stack of [...slides.children]) {
    stack.style.cssText = `display: block; width: ${WIDTH}px; padding: 0`;
    for (const section of [...stack.children]) {
      section.style.cssText = `display: block; width: ${WIDTH}px`; // hidden slides have no height
      split(section);
      section.style.cssText = "";
    }
    stack.style.cssText = "";
  }
  const print = /print-pdf/.test(location.search);
  // A browser that prints goes by its own clock, which timers follow and frames do not: on a busy machine it would
  // print before Reveal, which waits for a frame, has laid out the pages.
  if (print) window.requestAnimationFrame = (callback) => setTimeout(() => callback(performance.now()), 0);
  await Reveal.initialize({
    width: WIDTH,
    height: HEIGHT,
    margin: 0,
    minScale: 0.1,
    maxScale: 4,
    center: false,
    hash: true,
    controls: !print,
    slideNumber: "c/t",
    transition: "none",
    pdfSeparateFragments: false,
    plugins: [RevealNotes],
  });
  document.body.dataset.ready = "yes";
}

start();
