EXTRA_DIST += %D%/peer-onnxruntime.sh
EXTRA_DIST += %D%/build.sh %D%/check %D%/demo %D%/packages %D%/evoflip.bash .ci/run

# The completion is installed under the name of the program.
install-data-hook:
	$(MKDIR_P) '$(DESTDIR)$(bashcompletiondir)'
	$(INSTALL_DATA) $(srcdir)/%D%/evoflip.bash '$(DESTDIR)$(bashcompletiondir)/evoflip'
uninstall-hook:
	rm -f '$(DESTDIR)$(bashcompletiondir)/evoflip'
