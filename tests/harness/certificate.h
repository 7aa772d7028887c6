/*
 * TLS for a test's server: a certificate of its own, and the lines for a
 * virtual host that uses it.
 */
#ifndef HARNESS_CERTIFICATE_H
#define HARNESS_CERTIFICATE_H

/* Configuration lines, server level: mod_ssl, and a virtual host on the
 * port. The key lives until the test ends. Its server logs AH01882. */
const char *certificate_host(int port);

#endif
