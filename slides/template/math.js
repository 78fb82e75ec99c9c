window.MathJax = { tex: { inlineMath: [["$", "$"]] }, startup: { typeset: false }, options: { enableMenu: false } };
