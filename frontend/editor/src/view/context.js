// @ts-check
import { createContext, useCallback, useContext, useSyncExternalStore } from "react";

/** What cards need from the canvas around them. @type {import("react").Context<any>} */
export const CanvasContext = createContext(null);

export const useCanvas = () => useContext(CanvasContext);

/** The value of one key of a keyed store. @param {import("../live/keyed.js").KeyedStore} store @param {string} key */
export function useKeyed(store, key) {
  return useSyncExternalStore(
    useCallback((tell) => store.subscribe(key, tell), [store, key]),
    () => store.get(key),
  );
}
