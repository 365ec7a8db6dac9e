/** Which Look a part of the map belongs to: a notebook shows several. */
import { createContext } from "svelte";
import type { Look } from "./look.svelte";

export const [theLook, giveLook] = createContext<Look>();
