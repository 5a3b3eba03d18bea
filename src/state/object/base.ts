/** What all objects of the desired state have. */

export interface ObjectBase {
  readonly key: string;
  readonly origin: string;
}
