# push-import: a program beside the module, of the module's own parts.

IMPORT_OBJS := $(call objects,mod_push/import/*.c) \
               $(B)/obj/mod_push/broker/node/meet.o
PUSH_IMPORT := $(B)/push-import

ALL_TARGETS += $(PUSH_IMPORT)
INSTALL_TARGETS += install-import
UNINSTALL_TARGETS += uninstall-import

$(B)/obj/mod_push/import/%.o: mod_push/import/%.c
	$(call compile,-D_GNU_SOURCE -DPUSH_IMPORT_VERSION='"$(VERSION)"' \
		$(APR_CFLAGS) $(PKG_CFLAGS))

$(B)/obj/mod_push/import/options.o: VERSION

$(PUSH_IMPORT): $(IMPORT_OBJS) $(B)/libpush_library.a $(B)/libpush_store.a \
		$(B)/libpush_redis.a $(B)/libpush_core.a
	$(call say,LD,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(PKG_LIBS) \
		$(APR_LIBS) -pthread

# It becomes the user of the server, and changes nothing of its own.
.PHONY: install-import
install-import: $(PUSH_IMPORT)
	install -d '$(DESTDIR)$(PREFIX)/sbin' \
		'$(DESTDIR)$(PREFIX)/share/man/man8'
	install -m 755 $(PUSH_IMPORT) '$(DESTDIR)$(PREFIX)/sbin'
	install -m 644 mod_push/import/push-import.8 \
		'$(DESTDIR)$(PREFIX)/share/man/man8'

.PHONY: uninstall-import
uninstall-import:
	rm -f '$(DESTDIR)$(PREFIX)/sbin/push-import' \
		'$(DESTDIR)$(PREFIX)/share/man/man8/push-import.8'

$(B)/tests/integration/test_cluster_import: | $(PUSH_IMPORT)

-include $(IMPORT_OBJS:.o=.d)
