// A TCP proxy that fails on demand: what the network between a client and the exchange may do.

import net from "node:net";

/** Forwards connections to one address until it is told to fail. */
export class Proxy {
  #pairs = new Set();
  #server;
  #mode = "pass";

  /** Opens a proxy before `target`, a URL; its own is `url`. */
  static async open(target) {
    const { hostname, port, protocol } = new URL(target);
    const proxy = new Proxy();
    proxy.#server = net.createServer((near) => {
      if (proxy.#mode === "offline") return near.destroy();
      const far = net.connect(Number(port) || 443, hostname);
      const pair = { near, far };
      proxy.#pairs.add(pair);
      const end = () => {
        near.destroy();
        far.destroy();
        proxy.#pairs.delete(pair);
      };
      for (const socket of [near, far]) socket.on("error", end).on("close", end);
      near.on("data", (data) => pair.isDead || far.write(data));
      far.on("data", (data) => pair.isDead || near.write(data));
    });
    await new Promise((done) => proxy.#server.listen(0, "127.0.0.1", done));
    proxy.url = `${protocol}//localhost:${proxy.#server.address().port}`;
    return proxy;
  }

  /** Breaks every connection; new ones are forwarded. */
  cut() {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** Breaks every connection and takes none for a time. */
  async offline(milliseconds) {
    this.#mode = "offline";
    this.cut();
    await new Promise((done) => setTimeout(done, milliseconds));
    this.#mode = "pass";
  }

  /** Swallows what goes through the connections there are, as a dead radio link does; new ones work. */
  swallow() {
    for (const pair of this.#pairs) pair.isDead = true;
  }

  close() {
    this.cut();
    this.#server.close();
  }
}
