/** Who runs DHCP servers and guests: the keeper process for applied files, the foreground process for `bind`. */
import type { ServiceObject } from "../state/object.ts";

export interface ServiceHost {
  /**
   * Make exactly these services of the unit run: start what is missing, stop what is no longer listed, leave
   * the unchanged ones untouched. Resolves when all run. @throws NetloomError when one does not start
   * @param options.start false: only stop what is not listed; what is listed may lack what it stands on
   */
  converge(unitName: string, services: readonly ServiceObject[], options?: { readonly start?: boolean }): Promise<void>;
}
