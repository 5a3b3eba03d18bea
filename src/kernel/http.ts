/** Node's HTTP by way of one module, which the program loads when it first serves or asks: 8 ms of a command. */
export { createServer, request } from "node:http";
