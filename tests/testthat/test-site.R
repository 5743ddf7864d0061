# The site (_pkgdown.yml): a page that its index does not have cannot be found.

test_that("the site's index has every help page that is not internal, and every article", {
  skip_if_not_installed("yaml")
  site <- yaml::read_yaml(file.path(source_root(), "_pkgdown.yml"))
  listed <- function(sections) unlist(lapply(sections, `[[`, "contents"))
  of <- function(tag, rd) {
    sub("\\}.*", "", sub("^[^{]*\\{", "", grep(paste0("^.", tag, "\\{"), rd, value = TRUE)))
  }
  pages <- lapply(source_files("man", "[.]Rd$"), readLines)
  public <- Filter(function(rd) !"internal" %in% of("keyword", rd), pages)
  missing <- Filter(function(rd) !any(of("alias", rd) %in% listed(site$reference)), public)
  expect_identical(vapply(missing, function(rd) of("name", rd), ""), character())
  expect_identical(setdiff(listed(site$reference), unlist(lapply(pages, of, tag = "alias"))),
                   character())
  expect_identical(anyDuplicated(listed(site$reference)), 0L)
  articles <- sub("[.]Rmd$", "", basename(source_files("vignettes", "[.]Rmd$")))
  expect_setequal(listed(site$articles), articles)
})
