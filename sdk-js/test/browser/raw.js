/**
 * Pages that Playwright does not touch: it makes every page believe to be in
 * front, and such a page cannot be frozen.
 */
export class RawContext {
  #session;
  #context;
  /** @type {Map<string, RawPage>} */
  #pages = new Map();

  static async of(browser) {
    const raw = new RawContext();
    raw.#session = await browser.newBrowserCDPSession();
    raw.#session.on(
      'Target.receivedMessageFromTarget',
      ({ sessionId, message }) =>
        raw.#pages.get(sessionId)?.received(JSON.parse(message)),
    );
    const { browserContextId } = await raw.#session.send(
      'Target.createBrowserContext',
    );
    raw.#context = browserContextId;
    return raw;
  }

  async newPage() {
    const { targetId } = await this.#session.send('Target.createTarget', {
      url: 'about:blank',
      browserContextId: this.#context,
    });
    const { sessionId } = await this.#session.send('Target.attachToTarget', {
      targetId,
    });
    const page = new RawPage((message) =>
      this.#session.send('Target.sendMessageToTarget', { sessionId, message }),
    );
    this.#pages.set(sessionId, page);
    return page;
  }

  async close() {
    await this.#session.send('Target.disposeBrowserContext', {
      browserContextId: this.#context,
    });
    await this.#session.detach();
  }
}

class RawPage {
  #send;
  #next = 1;
  #waiting = new Map();

  constructor(send) {
    this.#send = send;
  }

  received({ id, result, error }) {
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(error ? Promise.reject(new Error(error.message)) : result);
  }

  send(method, params = {}) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, resolve);
      this.#send(JSON.stringify({ id, method, params })).catch(reject);
    });
  }

  goto(url) {
    return this.send('Page.navigate', { url });
  }

  /** As Playwright's, for values that JSON can hold. */
  async evaluate(body, argument) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression: `(${body})(${JSON.stringify(argument)})`,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) {
      throw new Error(
        exceptionDetails.exception?.description ?? exceptionDetails.text,
      );
    }
    return result.value;
  }
}
