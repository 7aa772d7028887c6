#include "serverconf.h"

#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keep.h"

/* Modules of a usual Debian installation, so that the module is proved in
 * their company; the MPM and mod_push come besides. */
static const char *const modules[] = {
    "authn_core", "authn_file", "auth_basic", "authz_core", "authz_host",
    "authz_user", "mime",       "dir",        "alias",      "env",
    "setenvif",   "headers",    "filter",     "deflate",    "reqtimeout",
};

static const char *modules_directory(void)
{
    const char *given = getenv("PUSH_HTTPD_MODULES");

    return given != NULL ? given : "/usr/lib/apache2/modules";
}

static void write_modules(FILE *f, const struct server *s)
{
    const char *directory = modules_directory();
    const char *mpm = s->options.mpm;
    size_t i;

    fprintf(f, "LoadModule mpm_%s_module %s/mod_mpm_%s.so\n", mpm, directory,
            mpm);
    for (i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
        fprintf(f, "LoadModule %s_module %s/mod_%s.so\n", modules[i],
                directory, modules[i]);
    }
    if (!s->options.bare) {
        const char *module = s->options.module != NULL ? s->options.module
                                                       : getenv("PUSH_MODULE");
        char path[PATH_MAX];

        module = module != NULL ? module : "build/mod_push.so";
        ck_assert_msg(realpath(module, path) != NULL, "no module %s", module);
        fprintf(f, "LoadModule push_module %s\n", path);
    }
}

/* All children come at the start and stay: the spare limits never bite. */
static void write_processes(FILE *f, const struct server *s)
{
    int children = s->options.children;
    int threads = s->options.threads;

    fprintf(f, "StartServers %d\n", children);
    if (strcmp(s->options.mpm, "prefork") == 0) {
        fprintf(f,
                "ServerLimit 32\nMaxRequestWorkers 32\n"
                "MinSpareServers %d\nMaxSpareServers 1000\n",
                children);
        return;
    }
    fprintf(f,
            "ThreadsPerChild %d\nThreadLimit %d\nServerLimit %d\n"
            "MaxRequestWorkers %d\nMinSpareThreads %d\n"
            "MaxSpareThreads 10000\n",
            threads, threads, 3 * children, threads * children,
            threads * children);
}

static void write_house(FILE *f, const struct server *s)
{
    fprintf(f,
            "ServerRoot \"%s\"\nDefaultRuntimeDir \"%s\"\n"
            "PidFile logs/pid\nServerName localhost\n"
            "Listen 127.0.0.1:%d\nListenBacklog 4096\n"
            "CoreDumpDirectory \"%s/logs\"\n"
            "ErrorLog logs/error\nLogLevel notice %s\n"
            "LogFormat \"%%P %%a %%>s \\\"%%r\\\"\" test\n"
            "CustomLog logs/access test\n"
            "TypesConfig /dev/null\nDocumentRoot htdocs\n"
            "KeepAlive On\nKeepAliveTimeout 30\nMaxKeepAliveRequests 0\n"
            "GracefulShutdownTimeout 5\n"
            "RequestReadTimeout header=20-40,minrate=500\n"
            "RequestReadTimeout body=10,minrate=500\n",
            s->root, s->root, s->port, s->root,
            s->options.bare ? "" : "push:info");
    if (geteuid() == 0) {
        fprintf(f, "User www-data\nGroup www-data\n");
    }
}

/* The lines of this test, then the two Locations or what replaces them. */
static void write_locations(FILE *f, const struct server *s)
{
    const char *receive = s->options.receive;
    const char *admin = s->options.admin;

    if (s->options.include != NULL) {
        char path[PATH_MAX];

        ck_assert_msg(realpath(s->options.include, path) != NULL, "no file %s",
                      s->options.include);
        fprintf(f, "Include \"%s\"\n", path);
        return;
    }
    if (s->options.bare) {
        return;
    }
    receive = receive != NULL ? receive
                              : "PushUser query:user\n"
                                "PushChannels *\n";
    admin = admin != NULL ? admin : "Require local\n";
    fprintf(f,
            "<Location \"/ramen\">\nPushEndpoint subscribe\n%s\n</Location>\n"
            "<Location \"/push\">\nPushEndpoint admin\n%s\n</Location>\n",
            receive, admin);
}

void serverconf_write(const struct server *s)
{
    char *path = keep_printf("%s/httpd.conf", s->root);
    FILE *f = fopen(path, "w");

    ck_assert_msg(f != NULL, "cannot write %s", path);
    write_modules(f, s);
    write_house(f, s);
    write_processes(f, s);
    if (s->options.global != NULL) {
        fprintf(f, "%s\n", s->options.global);
    }
    write_locations(f, s);
    ck_assert_int_eq(fclose(f), 0);
}
