EXTRA_DIST += %D%/run-test %D%/san-check %D%/check-layers %D%/layers.txt %D%/check-openapi \
  %D%/check-readmes %D%/check-headers %D%/check-style %D%/banned.txt
EXTRA_DIST += %D%/README.md %D%/lib.sh %D%/stack %D%/stack-process.sh %D%/stack-services.sh %D%/build \
  %D%/engines %D%/kafka/pom.xml %D%/kafka/jars.sha256 %D%/kafka-cluster-id %D%/quickstart \
  %D%/demo-events %D%/install-dependencies %D%/packages.txt %D%/test %D%/fuzz
check-layers:
	$(srcdir)/scripts/check-layers $(srcdir)
check-style:
	$(srcdir)/scripts/check-style $(srcdir)
check-headers:
	CC="$(CC)" CPPFLAGS="$(CPPFLAGS) $(LIBPQ_CFLAGS)" $(srcdir)/scripts/check-headers $(srcdir) $(abs_builddir)
check-format:
	cd $(srcdir) && clang-format --dry-run -Werror `git ls-files '*.c' '*.h' '*.cc'`
format:
	cd $(srcdir) && clang-format -i `git ls-files '*.c' '*.h' '*.cc'`
check-bench:
	python3 -B -m doctest $(srcdir)/bench/end_to_end.py
check-local: check-layers check-style check-headers check-docs check-openapi check-bench
# Each sanitizer build runs in a pristine copy, as distcheck does, so that it works whether or not
# the source tree itself is configured.
check-asan: distdir
	$(srcdir)/scripts/san-check $(distdir) address,undefined
check-tsan: distdir
	$(srcdir)/scripts/san-check $(distdir) thread
help:
	@sed -n 's/^## \{0,1\}//p' $(srcdir)/Makefile.am
.PHONY: check-layers check-style check-headers check-bench check-format format check-asan check-tsan help
