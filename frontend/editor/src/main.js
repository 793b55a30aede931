import "./element.jsx";
import "./page/editor.js";
