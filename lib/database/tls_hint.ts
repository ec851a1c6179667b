/** What to do about a certificate, by what the TLS library says of it; `null` when it says nothing of a certificate's own fault. */
export function certificateHint(detail: string): string | null {
  if (/expired/i.test(detail)) {
    return "Renew the server's certificate, it has expired; if it has not, set this machine's clock";
  }
  if (/not ?(yet ?valid|valid ?yet)/i.test(detail)) {
    return "The certificate is not valid yet: check this machine's clock";
  }
  if (/NotValidForName|altname/i.test(detail)) {
    return "The certificate is another name's: write a name that it holds in the URL";
  }
  return null;
}

/** A server on this machine that wants TLS, which is off there unless the URL asks for it; `null` for anything else. */
export function plaintextHint(detail: string, key: "lms.url" | "state.url"): string | null {
  if (!/no encryption|SSL off|insecure transport/i.test(detail)) return null;
  return `The server lets this role in with TLS only: add ?sslmode=require (or verify-full) to ${key}; ` +
    "on loopback TLS is off unless the URL asks for it";
}
