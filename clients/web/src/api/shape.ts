/** Tells whether a response is what the generated type says, as far as a client relies on it. */
export type Shape<T> = (value: unknown) => value is T;

/** An object with these fields, whatever their values. */
export function withFields<T extends object>(...names: readonly (keyof T & string)[]): Shape<T> {
  return (value): value is T =>
    typeof value === 'object' && value !== null && names.every((name) => Object.hasOwn(value, name));
}

/** An object with a list in one field and these other fields. */
export function withList<T extends object>(
  list: keyof T & string,
  ...names: readonly (keyof T & string)[]
): Shape<T> {
  const complete = withFields<T>(list, ...names);
  return (value): value is T => complete(value) && Array.isArray(value[list]);
}
