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
      // As the sockets of browsers: an answer must not wait for the acknowledgement of another.
      near.setNoDelay();
      far.setNoDelay();
      const pair = { near, far };
      proxy.#pairs.add(pair);
      const end = () => {
        near.destroy();
        far.destroy();
        proxy.#pairs.delete(pair);
      };
      for (const socket of [near, far]) socket.on("error", end).on("close", end);
      near.on("data", (data) => pair.isDead || far.write(data));
      far.on("data", (data) => pair.isDead || pair.isDeaf || near.write(data));
    });
    await new Promise((done) => proxy.#server.listen(0, "127.0.0.1", done));
    proxy.url = `${protocol}//localhost:${proxy.#server.address().port}`;
    return proxy;
  }

  /** Breaks every connection at once; new ones are forwarded. What is on its way is lost. */
  tear() {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /**
   * Breaks every connection, first from the exchange to the client, a moment later the rest: what the
   * client has answered arrives, what the exchange sends meanwhile is lost.
   */
  async cut() {
    const pairs = [...this.#pairs];
    for (const pair of pairs) pair.isDeaf = true;
    await new Promise((done) => setTimeout(done, 300));
    for (const { near, far } of pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** Breaks every connection and takes none for a time. */
  async offline(milliseconds) {
    this.#mode = "offline";
    this.tear();
    await new Promise((done) => setTimeout(done, milliseconds));
    this.#mode = "pass";
  }

  /** Swallows what goes through the connections there are, as a dead radio link does; new ones work. */
  swallow() {
    for (const pair of this.#pairs) pair.isDead = true;
  }

  close() {
    this.tear();
    this.#server.close();
  }
}
