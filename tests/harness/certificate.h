/*
 * TLS for a test's server: a certificate of its own, and the lines for a
 * virtual host that uses it.
 */
#ifndef HARNESS_CERTIFICATE_H
#define HARNESS_CERTIFICATE_H

/* A port of 127.0.0.1 that nobody listens on. */
int certificate_port(void);

/* Configuration lines, server level: mod_ssl, and a virtual host on the
 * port. The key lives until the test ends. Its server logs AH01882. */
const char *certificate_host(int port);

#endif
