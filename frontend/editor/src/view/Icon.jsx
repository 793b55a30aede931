import { useCanvas } from "./context.js";

/** An icon of the vendored set, which comes with the page. */
export function Icon({ name }) {
  const { icons } = useCanvas();
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" dangerouslySetInnerHTML={{ __html: icons[name] ?? icons.box ?? "" }} />
  );
}
