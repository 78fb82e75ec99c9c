// The link to the other language leads to the heading that the reader is at. A heading has the English address in both.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.language");
  if (!link) return;
  const above = [...document.querySelectorAll("article section[id], article section span[id]")].filter(
    (part) => /^[\w-]+$/.test(part.id) && !/^id\d+$/.test(part.id) && part.getBoundingClientRect().top < 150,
  );
  if (above.length && window.scrollY > 100) link.hash = above.at(-1).id;
});

// On a phone a picture more than twice as wide as high is scrolled, not shrunk (site.css).
document.addEventListener("DOMContentLoaded", () => {
  if (!matchMedia("(max-width: 600px)").matches) return;
  for (const picture of document.querySelectorAll(".bd-article img")) {
    const mark = (width, height) => {
      if (width < 2 * height) return;
      picture.parentElement.classList.add("wide-picture");
      picture.parentElement.tabIndex = 0; // the keyboard scrolls it, too
    };
    const [width, height] = ["width", "height"].map((name) => Number(picture.getAttribute(name)));
    if (width && height) mark(width, height);
    else picture.addEventListener("load", () => mark(picture.naturalWidth, picture.naturalHeight));
  }
});
