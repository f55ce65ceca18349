package local

import (
	"cmp"
	"context"
	"slices"

	"github.com/timbot-go/timbot/sdkconn"
)

// ConvGetConvList implements [sdkconn.Conversations]. Pinned ones are first. A group that the user left stays as long as its messages.
func (c *Conn) ConvGetConvList(ctx context.Context) ([]sdkconn.ConvInfo, error) {
	list := []sdkconn.ConvInfo{}
	err := c.read(ctx, "ConvGetConvList", func(l *lookup) error {
		rooms, err := l.roomsOf(c.user, sdkconn.ConvInvalid)
		if err != nil {
			return err
		}
		for _, r := range rooms {
			info, _, err := l.convInfo(c.user, r)
			if err != nil {
				return err
			}
			if info != nil {
				list = append(list, *info)
			}
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b sdkconn.ConvInfo) int {
		if a.IsPinned != b.IsPinned {
			if a.IsPinned {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.ActiveTime, a.ActiveTime)
	})
	return list, err
}
