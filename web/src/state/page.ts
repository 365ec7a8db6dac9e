/** The one that the page looks with. */
import { Api } from "../api";
import { Look } from "./look.svelte";

const api = new Api(async (address, init) => fetch(address, init));
export const look = new Look(api, document.documentElement, (row) => api.thumbnail(row));
