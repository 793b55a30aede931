// Names that are not there: a bundler passes them over, and a browser then fails. Run from the root.
import react from "eslint-plugin-react";
import globals from "globals";

export default [
  { ignores: ["static/vendor/**", "static/flows/editor/**"] },
  {
    files: ["frontend/editor/src/**/*.{js,jsx}", "static/**/*.js"],
    languageOptions: {
      ecmaVersion: 2024,
      sourceType: "module",
      globals: { ...globals.browser, ...globals.worker, htmx: "readonly", uPlot: "readonly" },
      parserOptions: { ecmaFeatures: { jsx: true } },
    },
    plugins: { react },
    rules: {
      "no-undef": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrors: "none" }],
      "no-const-assign": "error",
      "no-dupe-keys": "error",
      "no-unreachable": "error",
      "react/jsx-uses-vars": "error",
      "react/jsx-uses-react": "error",
      "react/jsx-no-undef": "error",
    },
  },
];
