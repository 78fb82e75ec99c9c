// The link to the other language leads to the heading that the reader is at. A heading has the English address in both.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.language");
  if (!link) return;
  const above = [...document.querySelectorAll("article section[id], article section span[id]")].filter(
    (part) => /^[\w-]+$/.test(part.id) && !/^id\d+$/.test(part.id) && part.getBoundingClientRect().top < 150,
  );
  if (above.length && window.scrollY > 100) link.hash = above.at(-1).id;
});
