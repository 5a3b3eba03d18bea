import { fuzz } from "./fuzz.ts";
import { TFTP } from "./targets/tftp.ts";

fuzz(TFTP);
