/** What a floor without I/O needs of a log: a line with fields. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

const nothing = (): void => undefined;

/** A logger that keeps nothing; for library users who pass none. */
export const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
