// A C++17 program that has nothing but an installed weir, by weir.hpp: every op goes back by itself.
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>
#include <weir/weir.hpp>

int main()
{
    weir_pool_config config = {};
    config.capacity = 100;
    config.buffer_size = 512;
    weir::pool pool(config);
    {
        std::vector<weir::op> ops;
        while (weir::op op = pool.take()) {
            std::memset(op.data(), 'w', op.size());
            ops.push_back(std::move(op));
        }
        if (ops.size() != 100)
            return 1;
        weir::shared_op shared = std::move(ops.front());
        weir::shared_op copy = shared;
        weir::hold hold(shared, WEIR_SITE), moved = std::move(hold);
        moved.take_over(WEIR_SITE);
        if (shared.refs() != 3 || pool.take())
            return 2;
    }
    weir_stats stats;
    if (weir_pool_stats(pool.get(), &stats) != 0 || stats.live != 0 || stats.gets != 100 || weir_pool_check(pool.get()) != 0)
        return 3;
    if (pool.close() != 0)
        return 4;
    std::printf("weir.hpp: 100 taken, 100 given back\n");
    return 0;
}
