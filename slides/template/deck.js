// Lays the parts of each section out on slides: a headline, at most WORDS words of text, and one thing to look at. What
// comes out of a cell appears one step after its code. Text that has no room beside what it is about goes to the notes.
const WIDTH = 1280;
const HEIGHT = 720;
const SIDE = 18; // the slide's padding, as in deck.css
const ABOVE = 14;
const BELOW = 12;
const GAP = 12;
const WORDS = 45;

const words = (element) => {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("mjx-container").forEach((formula) => formula.remove());
  const text = copy.textContent;
  const chinese = (text.match(/[\u4e00-\u9fff]/g) ?? []).length;
  return text.replace(/[\u4e00-\u9fff]/g, " ").split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length + (chinese >> 1);
};
const sentences = (element) => (element.textContent.match(/[.?!。？！]["”)]?(?=\s|$)|[。？！]/g) ?? []).length;

// The parts of a section: one for each block of text, each piece of code, each output; with the notes that follow it.
// What is noted of a text that takes several slides stands on the first.
function parts(section) {
  const found = [];
  let loose = [];
  for (const child of [...section.children]) {
    if (child.matches(".headline")) continue;
    if (child.matches("aside")) {
      const first = found.find((part) => part.id === child.dataset.cell && part.cell.matches(".markdown"));
      ((first ?? found.at(-1))?.notes ?? loose).push(child);
      continue;
    }
    const pieces = [];
    if (child.matches(".markdown")) {
      for (const block of [...child.children]) {
        const cell = child.cloneNode(false);
        cell.append(block);
        pieces.push(cell);
      }
      child.replaceWith(...pieces); // from here on they have a size
    } else pieces.push(child);
    for (const cell of pieces) {
      const block = cell.firstElementChild;
      if (block?.matches("table") && block.scrollWidth > WIDTH - 2 * SIDE) block.classList.add("tight");
      const picture = cell.querySelector(":scope > img, :scope > p > img");
      let kind = "text";
      if (picture) kind = "picture";
      else if (cell.matches(".code")) kind = "code";
      else if (cell.matches(".output")) kind = "output";
      else if (block?.matches("table, pre, .highlight")) kind = "table";
      else if (block?.querySelector("mjx-container[display=true]")) kind = "formula";
      found.push({
        cell,
        kind,
        picture,
        id: cell.dataset.cell,
        output: cell.matches(".output"),
        said: cell.matches(".said"),
        words: kind === "text" ? words(cell) : 0,
        height: cell.offsetHeight,
        notes: loose,
      });
      loose = [];
    }
  }
  return { found, loose };
}

const sum = (list) => list.reduce((total, part) => total + part.height + GAP, 0) - (list.length ? GAP : 0);

// How the parts go on one slide with `room` below its headline: plain, a picture beside the text, or one below the other.
function layout(list, room) {
  const wide = WIDTH - 2 * SIDE;
  const pictures = list.filter((part) => part.picture);
  if (list.reduce((total, part) => total + part.words, 0) > WORDS && list.length > 1) return null;
  if (!pictures.length) return sum(list) <= room ? { mode: "plain" } : null;
  if (pictures.length > 1) return null;
  const [{ picture }] = pictures;
  const ratio = picture.naturalWidth / picture.naturalHeight;
  const largest = Math.min(wide, room * ratio);
  const others = list.filter((part) => !part.picture);
  if (!others.length) return { mode: "below", width: largest };
  const below = Math.min(wide, (room - sum(others) - GAP) * ratio);
  let beside = 0;
  let left = 0;
  const narrow = (part) => part.kind === "text" || (part.kind === "output" && columns(part.cell) <= 34);
  if (others.every(narrow)) {
    const least = Math.max(360, ...others.filter((part) => part.output).map((part) => 30 + 14.5 * columns(part.cell)));
    beside = Math.min(wide - least - 24, room * ratio);
    left = Math.min(wide - beside - 24, 620);
    others.forEach((part) => (part.cell.style.width = `${left}px`));
    const height = others.reduce((total, part) => total + part.cell.offsetHeight + GAP, 0);
    others.forEach((part) => (part.cell.style.width = ""));
    if (height > room) beside = 0;
  }
  const best = beside >= 0.8 * below ? beside : below;
  if (best < (others.some((part) => part.kind === "code") ? 0.7 : 0.58) * largest) return null;
  return best === beside ? { mode: "beside", width: beside, left } : { mode: "below", width: below };
}

const columns = (cell) => Math.max(...cell.textContent.split("\n").map((line) => line.length));

function split(section) {
  const headline = section.querySelector(":scope > .headline");
  const { found, loose } = parts(section);
  const style = getComputedStyle(headline);
  const top = headline.offsetHeight + parseFloat(style.marginTop) + parseFloat(style.marginBottom);
  const room = HEIGHT - ABOVE - BELOW - top;
  const pages = [[]];
  const fits = (list) => layout(list, room) !== null;
  const lonely = (list) =>
    list.every((part) => part.kind === "text") &&
    list.reduce((total, part) => total + sentences(part.cell), 0) < 2 &&
    !list.some((part) => part.cell.textContent.includes("?"));
  const drop = (list, to) => {
    for (const part of list) {
      const note = document.createElement("aside");
      note.className = "notes";
      note.append(...part.cell.childNodes);
      to.notes.push(note, ...part.notes);
    }
  };

  const goOn = (part, i) => {
    const rest = part.kind === "table" && rows(part, room, 0);
    if (!rest) return;
    found.splice(i + 1, 0, rest);
    pages.push([]);
  };

  for (let i = 0; i < found.length; i++) {
    const part = found[i];
    const page = pages.at(-1);
    if (!page.length) {
      page.push(part);
      goOn(part, i);
      continue;
    }
    let together = [part];
    for (let k = i + 1; part.kind === "code" && k < found.length && found[k].id === part.id; k++) together.push(found[k]);
    const shown = page.some((other) => other.output);
    if (part.kind === "text" && !part.said && shown) {
      // A new thought takes what it is about along.
      const next = found[i + 1];
      together = next && next.kind !== "text" ? [part, next, ...found.slice(i + 2).filter((p) => p.id === next.id)] : [part];
    }
    const apart = part.cell.matches(".apart") && shown && page.at(-1).id !== part.id; // a slide of its own, says the notebook
    let fit = !apart && fits([...page, ...together]);
    if (!fit && part.kind === "code" && !shown) {
      // A question may stand alone before code and output; another text stays with the code, and the output goes on.
      const question = page.every((other) => other.kind === "text") && page.some((other) => other.cell.textContent.includes("?"));
      fit = !(question && fits(together)) && fits([...page, part]);
    } else if (!fit && part.kind === "text" && part.said) {
      drop([part], page.at(-1));
      continue;
    }
    if (!fit && part.kind === "table") {
      const rest = rows(part, room - sum(page) - GAP, page.length);
      if (rest) {
        page.push(part);
        found.splice(i + 1, 0, rest);
        pages.push([]);
        continue;
      }
    }
    if (fit) page.push(part);
    else pages.push([part]);
    if (pages.at(-1).length === 1) goOn(part, i);
  }

  // No slide with one lonely sentence: it goes to what it belongs to, or to the notes.
  for (let i = 0; i < pages.length; i++) {
    if (pages.length === 1 || !lonely(pages[i]) || headline.matches("h1")) continue;
    const next = pages[i + 1];
    if (next && i === 0 && fits([...pages[0], ...next])) next.unshift(...pages[0]);
    else if (i > 0) drop(pages[i], pages[i - 1].at(-1));
    else {
      const to = { notes: [] };
      drop(pages[i], to);
      next[0].notes.unshift(...to.notes);
    }
    pages.splice(i--, 1);
  }

  let place = section;
  pages.forEach((list, number) => {
    const page = number ? document.createElement("section") : section;
    if (number) {
      page.append(headline.cloneNode(true));
      place.after(page);
    }
    place = page;
    build(page, list, room);
    page.append(...(number ? [] : loose), ...list.flatMap((part) => part.notes));
  });
}

// Rows of a table that do not fit within `room`, as a new part with the same head; null if all fit or none would.
function rows(part, room, others) {
  const table = part.cell.querySelector("table");
  if (!table || part.height <= room) return null;
  const body = [...table.querySelectorAll("tbody tr")];
  const top = part.cell.getBoundingClientRect().top;
  const first = body.findIndex((row) => row.getBoundingClientRect().bottom - top > room);
  if (first < (others ? 2 : 1)) return null;
  const cell = part.cell.cloneNode(true);
  cell.querySelectorAll("tbody tr").forEach((row, i) => i < first && row.remove());
  part.cell.after(cell);
  body.slice(first).forEach((row) => row.remove());
  part.height = part.cell.offsetHeight;
  return { ...part, cell, height: cell.offsetHeight, notes: [] }; // the notes stay with the first rows
}

function build(page, list, room) {
  const how = layout(list, room) ?? { mode: "plain" };
  let step = 0;
  let shown = false;
  let last = null;
  list.forEach((part, i) => {
    const answer = part.output || (shown && !part.output);
    if (answer && i) {
      if (!(part.output && last?.output && last.id === part.id)) step += 1;
      if (step) {
        part.cell.classList.add("fragment");
        part.cell.dataset.fragmentIndex = step - 1;
      }
    }
    shown ||= part.output;
    last = part;
  });
  if (how.mode === "beside") {
    const columns = document.createElement("div");
    columns.className = "columns";
    const left = document.createElement("div");
    left.style.width = `${how.left}px`;
    left.append(...list.filter((part) => !part.picture).map((part) => part.cell));
    const { cell, picture } = list.find((part) => part.picture);
    picture.style.width = `${how.width}px`;
    columns.append(left, cell);
    page.append(columns);
    return;
  }
  page.append(...list.map((part) => part.cell));
  if (list.every((part) => part.kind === "text" && !part.cell.querySelector("ul, ol, blockquote"))) page.classList.add("words");
  for (const { picture } of list) if (picture) picture.style.width = `${how.width ?? WIDTH - 2 * SIDE}px`;
  if (how.mode === "plain" && sum(list) > room) {
    for (const part of list) {
      part.cell.style.zoom = (room / sum(list)).toFixed(3);
      part.cell.classList.add("shrunk");
    }
  }
}

function handOut() {
  const sheet = document.createElement("div");
  for (const section of document.querySelectorAll(".reveal .slides section section")) {
    const row = document.createElement("div");
    row.className = "row";
    row.innerHTML = '<div class="mini reveal"><div class="page"></div></div><div class="beside"></div>';
    const notes = [...section.querySelectorAll("aside.notes")];
    for (const note of notes) {
      row.querySelector(".beside").append(...note.childNodes);
      note.remove();
    }
    section.querySelectorAll(".fragment").forEach((cell) => cell.classList.remove("fragment"));
    row.querySelector(".page").append(...section.childNodes);
    sheet.append(row);
  }
  document.querySelector(".reveal .slides").parentElement.replaceWith(sheet);
}

async function start() {
  const paper = /hand-out/.test(location.search);
  if (paper) document.documentElement.className = "hand-out print-pdf"; // print-pdf: without reveal.js's rules for paper
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
  if (paper) handOut();
  else
    await Reveal.initialize({
      width: WIDTH,
      height: HEIGHT,
      margin: 0,
      minScale: 0.1,
      maxScale: 4,
      center: false,
      hash: true,
      slideNumber: "c/t",
      transition: "none",
      plugins: [RevealNotes],
    });
  document.body.dataset.ready = "yes";
}

start();
