/** Node's HTTP without its module namespace, whose making loads a WebSocket client: 15 ms of every command. */
export const { createServer, request } = process.getBuiltinModule("node:http");
