// The runtime's own WebSocket. Bun and Node take headers with it; browsers do not, and say so when there are some.

export type OpenSocket = (
  url: string,
  protocols: readonly string[],
  headers: { readonly [name: string]: string },
) => WebSocket;

export const openSocket: OpenSocket = (url, protocols, headers) => {
  if (Object.keys(headers).length === 0) return new WebSocket(url, [...protocols]);
  const options = { protocols: [...protocols], headers: { ...headers } };
  return new WebSocket(url, options as unknown as string[]); // The standard does not know these.
};
