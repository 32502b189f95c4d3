// What the theme leaves out for people who use a keyboard or a screen reader.
document.addEventListener("DOMContentLoaded", () => {
  for (const caption of document.querySelectorAll(".caption[role=heading]")) caption.setAttribute("aria-level", "2");
  const scroll = () => {
    for (const box of document.querySelectorAll("pre, .table-wrapper, .cell_output"))
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  };
  scroll();
  addEventListener("resize", scroll);
});
