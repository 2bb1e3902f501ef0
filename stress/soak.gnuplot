# stress/soak.gnuplot - a soak's rows as a picture. Called by soak.sh: gnuplot -e "csv='...'; caption='...'; out='...'" soak.gnuplot
# Memory, where the ops are, calls a second, and how long a get took, one under the other over the same seconds.
if (!exists("kind")) kind = "svg size 1100,1280 dynamic background 'white' font 'sans,13'"
set terminal @kind
set output out
set datafile separator ','
set key at graph 1.02, graph 0.5 left center Left reverse samplen 2
set grid xtics ytics lc rgb '#dddddd'
set border 3 lc rgb '#888888'
set tics nomirror
set lmargin 11
set rmargin 27
set multiplot layout 4,1 margins 0.09,0.77,0.055,0.90 spacing 0,0.055 title caption font 'sans,12'
stats csv using 1 every ::1 nooutput
set xrange [0:STATS_max]

set ylabel 'MiB'
set yrange [0:*]
plot csv using 1:($3/1024) every ::1 with lines lw 1.5 lc rgb '#c03028' title 'resident set', \
     csv using 1:($4/1024) every ::1 with lines lw 1.5 lc rgb '#2860a8' title "the pool's pages", \
     csv using 1:($5/1024) every ::1 with lines lw 1.5 dt 2 lc rgb '#777777' title 'committed by the pool'

set ylabel 'ops'
plot csv using 1:6 every ::1 with lines lw 1.5 lc rgb '#c03028' title 'live', \
     csv using 1:7 every ::1 with lines lw 1.5 lc rgb '#e0a030' title 'cached', \
     csv using 1:8 every ::1 with lines lw 1.5 lc rgb '#2860a8' title 'free'

set ylabel 'million a second'
plot csv using 1:($9/1e6) every ::1 with lines lw 1.5 lc rgb '#2860a8' title 'gets and puts', \
     csv using 1:($10/1e6) every ::1 with lines lw 1.5 lc rgb '#c03028' title 'gets answered NULL'

set ylabel 'a get, ns'
set xlabel 'seconds'
set logscale y
set yrange [10:*]
set format y '10^{%T}'
plot csv using 1:14 every ::1 with lines lw 1 lc rgb '#c03028' title 'longest', \
     csv using 1:17 every ::1 with lines lw 1 dt 3 lc rgb '#c03028' title 'longest clock reading', \
     csv using 1:13 every ::1 with lines lw 1.5 lc rgb '#e0a030' title '99.99 of 100', \
     csv using 1:16 every ::1 with lines lw 1 dt 3 lc rgb '#e0a030' title '99.99 of 100, clock', \
     csv using 1:12 every ::1 with lines lw 1.5 lc rgb '#2860a8' title '99 of 100', \
     csv using 1:11 every ::1 with lines lw 1.5 lc rgb '#309050' title 'half', \
     csv using 1:15 every ::1 with lines lw 1 dt 3 lc rgb '#777777' title '99 of 100, clock'
unset multiplot
