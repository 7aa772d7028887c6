#include "certificate.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keep.h"

/* Only the files that were made here are in it. */
static void remove_certificate(void *directory)
{
    ck_assert_int_eq(chdir(directory), 0);
    unlink("key.pem");
    unlink("cert.pem");
    rmdir(directory);
    free(directory);
}

const char *certificate_host(int port)
{
    static const char make[] =
        "cd %s && openssl req -x509 -newkey ec -pkeyopt "
        "ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem "
        "-days 2 -subj /CN=localhost -addext "
        "basicConstraints=critical,CA:FALSE 2>/dev/null";
    char *directory = keep(strdup("/tmp/push-tls-XXXXXX"), remove_certificate);

    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(system(keep_printf(make, directory)), 0);
    return keep_printf(
        "LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n"
        "SSLSessionCache none\n"
        "Listen 127.0.0.1:%d\n<VirtualHost 127.0.0.1:%d>\nSSLEngine on\n"
        "SSLCertificateFile %s/cert.pem\nSSLCertificateKeyFile %s/key.pem\n"
        "</VirtualHost>",
        port, port, directory, directory);
}
