# How much memory a Cholesky factor of crossed grouping factors may take, and how long fits with a
# large one take.

# The bytes that a factor may take: the gigabytes that the user allows or, by default, 60 percent of
# what is free.
factor_memory <- function(gigabytes = NULL) {
  if (!is.null(gigabytes)) return(gigabytes * 2^30)
  free <- c(free_of_machine(), free_of_container())
  0.6 * (if (length(free)) min(free) else 8 * 2^30)
}

free_of_machine <- function(file = "/proc/meminfo") {
  if (!file.exists(file)) return(NULL)
  line <- grep("^MemAvailable:", readLines(file, warn = FALSE), value = TRUE)
  if (length(line)) as.double(gsub("[^0-9]", "", line[[1L]])) * 1024
}

# What a control group (a container, say) still allows its processes. Without a limit memory.max
# is "max", which is no number.
free_of_container <- function(folder = "/sys/fs/cgroup") {
  read <- function(name) {
    file <- file.path(folder, name)
    if (!file.exists(file)) return(NA_real_)
    suppressWarnings(as.double(readLines(file, n = 1L, warn = FALSE)))
  }
  free <- read("memory.max") - read("memory.current")
  if (is.finite(free)) max(free, 0)
}

# C calls this before a fit that will take long.
announce_time <- function(seconds) {
  about <- if (seconds < 90) {
    "a minute"
  } else if (seconds < 5400) {
    paste(round(seconds / 60), "minutes")
  } else {
    paste(round(seconds / 3600, 1), "hours")
  }
  vb_inform(c("The Cholesky factor of the crossed grouping factors is large: this fit may take about
               {about}.",
              i = "{.code approximation = \"partial\"} is faster, and less accurate."),
            class = "vb_message_time")
}
