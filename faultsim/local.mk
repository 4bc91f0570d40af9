noinst_LIBRARIES += %D%/libfaultsim.a
%C%_libfaultsim_a_SOURCES =
