# What conf/monitoring says, against promtool and against a real httpd.

DEB_PACKAGES += nodejs

MONITORING_TESTS := $(sort $(wildcard tests/monitoring/test_*.mjs))

$(B)/promtool: tests/monitoring/fetch-promtool
	$(call say,GET,$@)
	$(Q)$< $@

.PHONY: check-monitoring
check-monitoring: $(B)/mod_push.so $(B)/promtool ## alert rules and dashboard of conf/monitoring
	@PUSH_PROMTOOL='$(abspath $(B)/promtool)' \
		tests/run $(call node_suites,$(MONITORING_TESTS))
