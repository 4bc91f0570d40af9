EXTRA_DIST += %D%/build.sh %D%/check %D%/demo %D%/packages .ci/run
