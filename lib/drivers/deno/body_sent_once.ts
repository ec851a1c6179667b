/*
 * Fault: fetch silently sends a request again when its pooled connection closes, also after the server has read it,
 *   but only if it can copy the body.
 * Seen in: Deno 2.9.6.
 * Upstream: none known.
 * Delete when: fetch never repeats a POST by itself; tests/bot/send_once_test.ts holds it with a plain string as body.
 */

/**
 * A body that fetch cannot send twice: it reads a Blob as a stream. Unlike a bare stream it has a Content-Length and goes
 * without chunks, and keep-alive stays possible.
 */
export function bodySentOnce(text: string, type: string): Blob {
  return new Blob([text], { type });
}
