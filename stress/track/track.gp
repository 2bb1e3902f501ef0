# track.gp - the plot of a run: gnuplot -e "csv='DIRECTORY'; out='DIRECTORY'; command='...'" stress/track/track.gp
#
# Reads track.csv, which weir-track-bench --csv wrote: a line for each tracker, ratios to a pool that is not watched, and bytes an object.
set terminal svg size 1100,620 font "sans-serif,13" background rgb "white"
set datafile separator "|"
set datafile missing NaN
set output out."/track.svg"
set border 3 lc rgb "#666666"
set tics nomirror out
set grid ytics lc rgb "#dddddd" lt 1 lw 1
set style fill solid 0.9 noborder
set xtics rotate by 50 right font ",11" noenhanced
set label 1 command at screen 0.01, screen 0.02 left font ",10" tc rgb "#555555" noenhanced
file = csv."/track.csv"
short(v) = v < 10 ? sprintf("%.1f", v) : sprintf("%.0f", v)

set multiplot layout 1,2
set bmargin 10
set title "time, x a pool that is not watched"
set logscale y
set yrange [0.8:*]
set format y "%gx"
set style data histogram
set style histogram clustered gap 1
set key top left font ",11" noenhanced
plot file skip 1 using 3:xtic(1) lc rgb 0x999999 title "get, put", "" skip 1 using 4 lc rgb 0x0b5fd7 title "ref, unref", \
     "" skip 1 using 5 lc rgb 0xe8710a title "ref, unref: 2 threads on one op", "" skip 1 using 6 lc rgb 0x12793b title "take, drop"
unset label 1
unset logscale y
set yrange [0:*]
set format y "%g"
set title "bytes an object, beyond header and buffer"
unset key
set boxwidth 0.75
plot file skip 1 using 0:2:xtic(1) with boxes lc rgb 0x0b5fd7, "" skip 1 using 0:2:(short($2)) with labels offset 0,0.7 font ",10"
unset multiplot
