EXTRA_DIST += %D%/README.md %D%/EVENTS.md %D%/OPERATIONS.md %D%/PROPERTY_SCHEMAS.md %D%/TABLE.md %D%/WRITER.md %D%/THREADS.md \
  %D%/SETTINGS.md %D%/ERRORS.md %D%/METRICS.md %D%/decisions
docs: bxb-server$(EXEEXT)
	for d in settings errors metrics; do \
	  ./bxb-server --print-docs $$d > $(srcdir)/docs/`echo $$d | tr a-z A-Z`.md || exit 1; done
check-docs: bxb-server$(EXEEXT)
	for d in settings errors metrics; do \
	  ./bxb-server --print-docs $$d | diff -u $(srcdir)/docs/`echo $$d | tr a-z A-Z`.md - || exit 1; done
	$(srcdir)/scripts/check-readmes $(srcdir)
.PHONY: docs check-docs
