# The kinds of structured terms, by the name of their call: field_calls and field_bars.

# Kinds whose rows have levels, or several, as `members`, (field, values), says; `unseen` knows of
# levels that were not in the data (term_new.R)
level_row <- function(read, make, members, unseen) {
  list(read = read, make = make, members = members, columns = function(field, values) {
    level_columns(field, values, members(field, values), unseen)
  }, pieces = function(field, values) level_pieces(field, members(field, values)))
}

series_row <- function(make, unseen) level_row(read_series, make, series_members, unseen)

field_kinds <- list(
  s = list(read = read_smooth, make = make_smooth, columns = smooth_columns,
           pieces = smooth_pieces),
  t2 = list(read = read_smooth, make = make_smooth, columns = smooth_columns,
            pieces = smooth_pieces),
  ar1 = series_row(make_ar1, ar1_unseen),
  rw1 = series_row(function(field, values) make_walk(field, values, 1L), walk_unseen),
  rw2 = series_row(function(field, values) make_walk(field, values, 2L), walk_unseen),
  gp = list(read = read_gp, make = make_gp, columns = gp_columns, pieces = gp_pieces),
  car = level_row(read_car, make_car, car_members, car_unseen),
  gr = level_row(read_gr, make_gr, gr_members, gr_unseen),
  mm = level_row(read_mm, make_mm, mm_members, mm_unseen)
)
