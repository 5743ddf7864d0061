# The kinds of structured terms, by the name of their call: field_calls and field_bars.

field_kinds <- list(
  s = list(read = read_smooth, make = make_smooth, columns = smooth_columns),
  t2 = list(read = read_smooth, make = make_smooth, columns = smooth_columns),
  ar1 = list(read = read_series, make = make_ar1, columns = series_columns),
  rw1 = list(read = read_series, make = function(field, values) make_walk(field, values, 1L),
             columns = series_columns),
  rw2 = list(read = read_series, make = function(field, values) make_walk(field, values, 2L),
             columns = series_columns),
  gp = list(read = read_gp, make = make_gp, columns = gp_columns),
  car = list(read = read_car, make = make_car, columns = car_columns),
  gr = list(read = read_gr, make = make_gr, columns = gr_columns),
  mm = list(read = read_mm, make = make_mm, columns = mm_columns)
)
