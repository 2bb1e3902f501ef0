# plots.gp - the plots of a run: gnuplot -e "csv='DIRECTORY'; out='DIRECTORY'; command='...'" stress/bench/plots.gp
#
# Reads what weir-bench --csv wrote: lines "case, x, peer, median, lower quartile, upper quartile". Bars and points are medians, the thin
# lines across them reach from quartile to quartile. The caption is the machine's, with the command that made the numbers.
set terminal svg size 1100,620 font "sans-serif,13" background rgb "white"
set datafile separator comma
set datafile missing NaN
set border 3 lc rgb "#666666"
set tics nomirror out
set grid ytics lc rgb "#dddddd" lt 1 lw 1
set style fill solid 0.9 noborder
set errorbars 0.4
set bmargin 6

caption = system("cat '".csv."/caption.txt'")
set label 1 sprintf("%s\n%s", command, caption) at screen 0.01, screen 0.04 left font ",10" tc rgb "#555555" noenhanced

all = "floor weir weir-cache rte tcmalloc jemalloc mimalloc tbb glibc ck_stack boost mutex"
colour(p) = p eq "floor" ? 0x999999 : p eq "weir" ? 0x0b5fd7 : p eq "weir-cache" ? 0x74aef5 : p eq "rte" ? 0xe8710a : \
    p eq "tcmalloc" ? 0x12793b : p eq "jemalloc" ? 0x37a862 : p eq "mimalloc" ? 0x7cc79a : p eq "tbb" ? 0xa8a32a : p eq "glibc" ? 0x5f6b00 : \
    p eq "ck_stack" ? 0x8430ce : p eq "boost" ? 0xc58af9 : 0xb3261e
width(p) = p eq "weir" || p eq "weir-cache" || p eq "rte" || p eq "floor" ? 3 : 1.5
short(v) = v < 10 ? sprintf("%.1f", v) : v < 1000 ? sprintf("%.0f", v) : sprintf("%.1fk", v / 1000)
file(pattern) = csv."/".pattern.".csv"
there(pattern) = int(system("test -s '".file(pattern)."' && echo 1 || echo 0"))

# -- bars: pair, burst, handoff ----------------------------------------------------------------------------------------------------
if (there("pair") && there("burst") && there("handoff")) {
    set output out."/figures.svg"
    set multiplot layout 1,3
    set logscale y
    set xtics nomirror rotate by 50 right font ",11" noenhanced
    set ylabel "ns for one object taken and given back" offset 1
    set boxwidth 0.75
    set format y "%g"
    set bmargin 9
    set yrange [1:*]
    do for [pattern in "pair burst handoff"] {
        set title pattern eq "pair" ? "pair: get, touch, put" : pattern eq "burst" ? "burst: 64 gets, then 64 puts" : "handoff: one core gets, another puts"
        plot file(pattern) skip 1 using 0:4:(colour(strcol(3))):xtic(3) with boxes lc rgb variable notitle, \
             "" skip 1 using 0:5:(0):($6-$5) with vectors nohead lw 1.5 lc rgb "#222222" notitle, \
             "" skip 1 using 0:($6*1.15):(short($4)) with labels font ",10" notitle
        unset label 1
        unset ylabel
    }
    unset multiplot
    set label 1 sprintf("%s\n%s", command, caption) at screen 0.01, screen 0.04 left font ",10" tc rgb "#555555" noenhanced
    unset logscale y
    set yrange [*:*]
    set xtics nomirror norotate center font ",12"
    set bmargin 6
}

# -- lines over an axis ------------------------------------------------------------------------------------------------------------
set key outside right top noenhanced font ",12"
only(p) = strcol(3) eq p

if (there("crowd") && there("threads")) {
    set output out."/threads.svg"
    set multiplot layout 1,2
    set logscale x 2
    set xlabel "threads, on the processors that are used"
    set ylabel "million objects a second, all threads"
    set xrange [1:64]
    set logscale y
    set format y "%g"
    set title "threads: each takes 64, then puts 64"
    unset key
    plot for [p in all] file("threads") skip 1 using (only(p) ? $2 : NaN):4 with linespoints lw width(p) pt 7 ps 0.5 lc rgb colour(p) title p
    unset label 1
    unset logscale y
    set yrange [0:*]
    set key outside right top noenhanced font ",12"
    set title "crowd: threads swap through 1,024 shared slots"
    set ylabel "million swaps a second, all threads"
    plot for [p in all] file("crowd") skip 1 using (only(p) ? $2 : NaN):4 with linespoints lw width(p) pt 7 ps 0.5 lc rgb colour(p) title p
    unset multiplot
    set label 1 sprintf("%s\n%s", command, caption) at screen 0.01, screen 0.04 left font ",10" tc rgb "#555555" noenhanced
    unset logscale x
    set yrange [*:*]
    set xrange [*:*]
}

if (there("tail")) {
    set output out."/tail.svg"
    set logscale xy
    set logscale x 2
    set format y "%g"
    set xtics nomirror center (2, 32, 64)
    set xrange [1.7:75]
    set xlabel "threads, on the processors that are used"
    set ylabel "ns that 99.99% of the gets do not exceed"
    set title "tail: one get in the crowd"
    plot for [p in all] file("tail") skip 1 using (only(p) ? $2 : NaN):4:5:6 with yerrorlines lw width(p) pt 7 ps 0.6 lc rgb colour(p) title p
    unset logscale
    set xtics nomirror auto
    set xrange [*:*]
}

if (there("sizes")) {
    set output out."/sizes.svg"
    set logscale xy
    set format y "%g"
    set xrange [50:85000]
    set xtics nomirror center ("64" 64, "200" 200, "4,096" 4096, "65,536" 65536)
    set xlabel "bytes of an object"
    set ylabel "ns for one object taken and given back"
    set title "sizes: 64 gets, then 64 puts; the buffer's first line is touched"
    plot for [p in all] file("sizes") skip 1 using (only(p) ? $2 : NaN):4:5:6 with yerrorlines lw width(p) pt 7 ps 0.6 lc rgb colour(p) title p
    unset logscale
    set xtics nomirror auto
    set xrange [*:*]
}

if (there("bulk")) {
    set output out."/bulk.svg"
    set logscale xy
    set format y "%g"
    set xrange [0.9:36]
    set xtics nomirror center (1, 8, 32)
    set xlabel "objects at a time"
    set ylabel "ns for one object taken and given back"
    set title "bulk: get n, touch each, put n (without bulk calls: one at a time)"
    plot for [p in all] file("bulk") skip 1 using (only(p) ? $2 : NaN):4:5:6 with yerrorlines lw width(p) pt 7 ps 0.6 lc rgb colour(p) title p
}
