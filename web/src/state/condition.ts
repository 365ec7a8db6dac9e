// "in the rain", "like a cat" and "between us" are words.
const CONDITION = /[<>=]|\bis( not)? null\b|\bin\s*\(|\blike\s*'|\bbetween\s+['\d.-]/i;

/** Whether what was typed reads like a filter. */
export function isCondition(text: string): boolean {
  return CONDITION.test(text);
}
